"""Mail that comes from elsewhere, and goes elsewhere: directories, files, other servers."""
