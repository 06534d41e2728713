"""The command line: one file per group of commands; heavy imports stay inside the commands, so that help is quick."""
