"""Keep sets in a store on disk or in memory: names, labels, splits, batches, inspection."""
