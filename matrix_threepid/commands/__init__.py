"""The commands of ``python -m matrix_threepid``: each module has ``main(arguments) -> exit code``."""
