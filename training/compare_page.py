def sections(films, config, report): return []
