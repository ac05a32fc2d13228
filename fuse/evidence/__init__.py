"""From sealed predictions and the outcomes opened after them to metrics, comparisons and a verdict."""
