"""Sources: where data come from, behind the ports that agents ask for."""
