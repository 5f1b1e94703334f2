include: "workflow/rules/start.smk"


if "parts" in config:

    include: "workflow/rules/collection.smk"

else:

    include: "workflow/rules/study.smk"


include: "workflow/rules/process.smk"


rule all:
    default_target: True
    input:
        WANTED,
