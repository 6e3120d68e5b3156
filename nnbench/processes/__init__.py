"""Worker processes from the outside: started, asked, ended; several side by side."""
