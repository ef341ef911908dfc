"""Reports that people read: postmortems and leaderboards as Markdown, HTML and pictures."""
