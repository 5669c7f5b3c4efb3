"""``/register``, ``/account/password`` and ``/account/deactivate`` as the library answers them."""
