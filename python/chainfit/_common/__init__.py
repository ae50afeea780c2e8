"""What every floor may use, and what knows none of them."""
