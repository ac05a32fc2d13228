"""The same items on many processes, GPUs and machines: by shards without a scheduler, or through dask."""
