"""The one recorder of the process: an event is priced, journaled and on its way; with a quick path for usual ones."""
