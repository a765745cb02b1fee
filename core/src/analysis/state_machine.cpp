namespace chantrace {}
