"""The pieces of the Interpolate tab."""
