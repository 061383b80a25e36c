"""What a lesson needs: the checks of its exercises, sliders that work offline, and how noisy radar is.

``check`` judges answers, ``sliders`` makes interactive plots that need no network, ``speckle`` measures the noise of a
stack of passes and holds what was measured on real ones, and ``demo`` runs the main notebook in one command.
"""
