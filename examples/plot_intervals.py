"""
Prediction intervals
====================

Miles per gallon of cars from 1970 to 1982, with intervals that should contain nine of ten true
values.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from vega_datasets import data

from multilayer import TabularRegressor

cars = pd.read_json(data.cars.filepath).dropna(subset=["Miles_per_Gallon"])
X, y = cars.drop(columns=["Miles_per_Gallon", "Name"]), cars["Miles_per_Gallon"].to_numpy()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=0)
model = TabularRegressor(n_members=4, random_state=0).fit(X_train, y_train)
low, high = model.predict_interval(X_test, 0.9).T
order = np.argsort(model.predict(X_test))
held = (low <= y_test) & (y_test <= high)

fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
place = np.arange(len(order))
ax.fill_between(place, low[order], high[order], alpha=0.25, label="90 % interval")
ax.plot(place, model.predict(X_test)[order], label="prediction")
colors = np.where(held[order], "black", "red")
ax.scatter(place, y_test[order], s=8, c=colors, label=f"truth: {held.mean():.0%} inside")
ax.set(xlabel="cars, by prediction", ylabel="miles per gallon")
ax.legend()
