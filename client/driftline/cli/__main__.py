"""python -m driftline.cli: the command line where its script is not on the PATH."""

from driftline.cli import main

main()
