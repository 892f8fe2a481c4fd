"""Downloads or finds repositories with huggingface_hub, and prints what it finds in the cache, as JSON.

  python download_snapshot.py REQUEST.json

REQUEST: {"offline": bool, "repositories": [{"type", "id", "revision", "patterns"}, ...]}. The endpoint and the cache are those of the environment.
"""
import json
import os
import sys

from huggingface_hub import scan_cache_dir, snapshot_download

with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
folders = []
for repository in request["repositories"]:
    folder = snapshot_download(
        repository["id"], repo_type=repository["type"], revision=repository["revision"], allow_patterns=repository.get("patterns"), local_files_only=request["offline"]
    )
    folders.append({"folder": folder, "files": sorted(os.path.relpath(os.path.join(root, name), folder).replace(os.sep, "/") for root, _, names in os.walk(folder) for name in names)})
cache = scan_cache_dir()
repositories = [
    {
        "type": repo.repo_type,
        "id": repo.repo_id,
        "size": repo.size_on_disk,
        "revisions": sorted(({"commit": revision.commit_hash, "refs": sorted(revision.refs), "files": len(revision.files)} for revision in repo.revisions), key=lambda each: each["commit"]),
    }
    for repo in cache.repos
]
json.dump({"folders": folders, "warnings": [str(warning) for warning in cache.warnings], "repositories": sorted(repositories, key=lambda each: (each["type"], each["id"]))}, sys.stdout)
