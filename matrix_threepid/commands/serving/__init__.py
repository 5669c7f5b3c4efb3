"""``matrix-threepid serve``: the SMS delegate and the identity server as programs of their own."""
