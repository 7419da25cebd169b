"""Reading and writing files: rasters, vectors, tables, NetCDF and the run folder.

The modules are imported one by one where they are used, so that ``import sim`` stays light.
"""
