"""What a lesson needs: the checks of the exercises and their data."""
