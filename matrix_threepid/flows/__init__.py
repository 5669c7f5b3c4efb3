"""The operations of the library, one a module: coroutines over a role that await only its ports (decision 2)."""
