"""The recurrent family, side by side."""
