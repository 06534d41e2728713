"""What has to hold before Millrace can work: asked of every server, then judged."""
