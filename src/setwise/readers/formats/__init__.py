"""Say of each format what it is called, how it is told, and which choices it has, at no cost of imports."""
