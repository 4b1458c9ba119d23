"""Text that stands in a picture."""


def texts(ax):
    return [text.get_text() for text in ax.texts]
