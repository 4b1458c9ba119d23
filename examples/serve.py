"""Serve a saved model over HTTP.

    pip install fastapi uvicorn
    MULTILAYER_MODEL=titanic.mlp uvicorn serve:app
    curl localhost:8000/predict -H "Content-Type: application/json" \
        -d '{"rows": [{"sex": "female", "age": 29, "fare": 26.0}]}'
"""

import os
from typing import Any

import polars as pl
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

import multilayer as ml

model = ml.load(os.environ["MULTILAYER_MODEL"])  # runs no code from the file
app = FastAPI(title="multilayer")


class Rows(BaseModel):
    """A table, row by row; a column that is missing in a row is a missing value."""

    rows: list[dict[str, Any]] = Field(min_length=1, max_length=10_000)


@app.post("/predict")
def predict(table: Rows) -> dict[str, Any]:
    """Return the prediction for each row, and the probabilities of the classes."""
    try:
        X = pl.DataFrame(table.rows, infer_schema_length=None)
        answer: dict[str, Any] = {"prediction": model.predict(X).tolist()}
        if hasattr(model, "classes_"):
            answer["classes"] = model.classes_.tolist()
            answer["probabilities"] = model.predict_proba(X).tolist()
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise HTTPException(422, str(error)) from error
    return answer
