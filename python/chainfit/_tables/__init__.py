"""TableModel: data frames of mixed columns, and the net that learns from them."""
