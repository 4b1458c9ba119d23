"""What stands in a picture: texts, and whether they overlap."""

import numpy as np


def texts(ax):
    return [text.get_text() for text in ax.texts]


def corners(label):
    """Return the corners (4, 2) in pixels of a text that is centred on its position and turned."""
    angle = label.get_rotation()
    label.set_rotation(0)
    box = label.get_window_extent()
    label.set_rotation(angle)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [box.width / 2, box.height / 2]
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return half @ np.array([[c, s], [-s, c]]) + [box.x0 + box.width / 2, box.y0 + box.height / 2]


def overlap(a, b):
    """Return by how many pixels two turned rectangles overlap; 0 if a line separates them."""
    least = np.inf
    for box in (a, b):
        for side in (box[1] - box[0], box[2] - box[1]):
            axis = side / np.hypot(*side)
            p, q = a @ axis, b @ axis
            least = min(least, min(p.max(), q.max()) - max(p.min(), q.min()))
    return max(least, 0.0)
