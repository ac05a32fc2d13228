"""What is known of tiles, drawn on the original slide: GeoJSON for QuPath."""
