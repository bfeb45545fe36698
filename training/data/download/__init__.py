"""The published data sets, fetched from their publishers with their licence, resumed and checked."""
