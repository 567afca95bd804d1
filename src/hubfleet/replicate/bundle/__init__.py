"""What a bundle is: a manifest, files, and archives of trees, in a folder or one file.

    manifest.json                what is in it, with the SHA-256 of everything; always first
    README.md ...                for people
    fleet/                       a fleet of its own
    hubs/<hub>/...               what each hub needs beside it; homes/<number>.tar are archives

Everything here is hostile until it is checked: `manifest` says what may come, `container` reads
exactly that and nothing else, `unpacking` writes archives without ever leaving its folder.
"""
