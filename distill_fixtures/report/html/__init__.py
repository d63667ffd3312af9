"""The page that people look at: report.html and its plots, drawn from the JSON documents alone."""
