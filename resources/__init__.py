"""Files that travel with the program: icons, style, licence texts, weights."""
