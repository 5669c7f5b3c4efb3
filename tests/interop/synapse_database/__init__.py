"""The stores in the database of a real Synapse: ``inside`` runs in Synapse's own environment, with its reactor."""
