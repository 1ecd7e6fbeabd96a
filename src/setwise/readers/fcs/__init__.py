"""Read and write FCS files of cytometers."""
