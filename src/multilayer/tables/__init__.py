"""Raw tables turned into numbers: columns of numbers, dates, categories and gaps."""
