"""Clinical notes: text in, numbers out; no text leaves this folder."""
