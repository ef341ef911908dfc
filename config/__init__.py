"""What everything else may use: settings, the five YAML files, time, ids, errors and logging."""
