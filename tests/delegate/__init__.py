"""SMS for Synapse: the delegate, as Synapse calls it."""
