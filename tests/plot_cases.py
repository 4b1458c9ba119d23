"""What a test reads from a picture."""


def texts(ax):
    return [text.get_text() for text in ax.texts]
