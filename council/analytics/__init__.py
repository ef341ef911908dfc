"""What the stored facts say of the models over time; it measures and never decides."""
