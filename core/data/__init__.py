"""Data: decoding images, scanning a source of labelled images, dividing it, and the synthetic demo."""
