"""Records of runs, as recipes and as commands to repeat them."""
