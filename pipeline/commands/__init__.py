"""The commands of ``coarse2fine``, a module per purpose: the only place that prints or exits."""
