"""Programs that others wrote judge a log that we wrote: nothing of ours is asked whether it is right."""
