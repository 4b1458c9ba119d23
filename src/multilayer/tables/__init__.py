"""Raw tables encoded as numbers: columns of numbers, dates and categories with missing values."""
