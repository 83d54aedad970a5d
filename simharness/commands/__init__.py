"""What each command does. Imported only when the command is given, so that ``--help`` stays light."""
