"""Services for those who run Millrace; the command line and HTTP only show what they do."""
