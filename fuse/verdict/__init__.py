"""What the numbers of a run allow one to say: answers, their rules and their words."""
