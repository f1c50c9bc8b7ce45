"""Large images: time, memory and seams between tiles."""
