"""Our roles and real programs of other projects, on loopback. Runs with MATRIX_THREEPID_INTEROP=1, see prepare.sh."""
