"""What every shelf stands on."""
